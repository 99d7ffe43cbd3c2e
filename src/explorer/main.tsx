import { render } from 'preact';
import { momentsOfPage, momentsOfServer } from './moment/moment-feed.ts';
import { App } from './parts/app.tsx';

/** The program of the page: begins when all of the page is there. */
async function start(root: HTMLElement): Promise<void> {
  try {
    const feed = document.getElementById('served') === null ? momentsOfPage() : await momentsOfServer();
    const first = await feed.first();
    if (first.length === 0) throw new Error('there is no moment in this page');
    root.replaceChildren();
    render(<App feed={feed} first={first} />, root);
  } catch (error) {
    const problem = document.createElement('p');
    problem.className = 'problem';
    problem.setAttribute('role', 'alert');
    problem.textContent = `This picture cannot be shown: ${error instanceof Error ? error.message : String(error)}`;
    root.replaceChildren(problem);
    document.documentElement.dataset['picture'] = 'failed';
  }
}

document.addEventListener('DOMContentLoaded', () => {
  const root = document.getElementById('app');
  if (root !== null) void start(root);
});
