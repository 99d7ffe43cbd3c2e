import { useEffect, useState } from 'preact/hooks';
import type { ViewState } from '../view/link.ts';

/** Whether the page is dark: as it was chosen, or as the system is. @internal */
export function useTheme(chosen: ViewState['theme']): boolean {
  const prefersDark = usePrefersDark();
  const isDark = chosen === 'auto' ? prefersDark : chosen === 'dark';
  useEffect(() => {
    document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light';
  }, [isDark]);
  return isDark;
}

function usePrefersDark(): boolean {
  const [query] = useState(() => matchMedia('(prefers-color-scheme: dark)'));
  const [matches, setMatches] = useState(query.matches);
  useEffect(() => {
    const onChange = (): void => setMatches(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, [query]);
  return matches;
}
