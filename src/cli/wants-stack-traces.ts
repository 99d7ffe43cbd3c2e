/** Whether errors are to be shown with their stack traces. @internal */
export function wantsStackTraces({ PAGEWALK_DEBUG = '' }: Readonly<Record<string, string | undefined>>): boolean {
  return PAGEWALK_DEBUG !== '';
}
