const KEYS: readonly (readonly [string, string])[] = [
  ['← →', 'move'],
  ['↑ ↓ + −', 'zoom; the wheel and two fingers do so too'],
  ['Home', 'everything'],
  ['n p', 'the next range, the one before'],
  ['w', 'the next that is writable and executable'],
  ['Enter', 'the walk'],
  ['Esc', 'close keys, walk, table'],
  ['1 … 7', 'colours'],
  ['f', 'frames: physical order'],
  ['/', 'search'],
  ['t', 'table'],
  ['Space .', 'play, step (of a guest that runs)'],
];

/** What keys do. @internal */
export function Help() {
  return (
    <dl class="help">
      {KEYS.map(([keys, text]) => (
        <div key={keys}>
          <dt>
            <kbd>{keys}</kbd>
          </dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}
