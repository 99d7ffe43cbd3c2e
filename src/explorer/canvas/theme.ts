/** What a picture has besides the colours of its classes. @internal */
export interface Theme {
  readonly isDark: boolean;
  readonly background: string;
  readonly text: string;
  readonly faint: string;
  readonly hole: string;
  readonly accent: string;
  readonly unwanted: string;
  readonly unchanged: string;
}

/** @internal */
export const LIGHT: Theme = {
  isDark: false,
  background: '#ffffff',
  text: '#1d2733',
  faint: '#5c6875',
  hole: '#eceff2',
  accent: '#111111',
  unwanted: '#e1e5e9',
  unchanged: '#c9cdd2',
};
/** @internal */
export const DARK: Theme = {
  isDark: true,
  background: '#14181d',
  text: '#e6ebf0',
  faint: '#9aa7b4',
  hole: '#20262d',
  accent: '#ffffff',
  unwanted: '#2a3038',
  unchanged: '#4a5058',
};
