/** The shells that have a script. @internal */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
