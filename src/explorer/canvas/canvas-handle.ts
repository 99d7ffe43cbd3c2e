/** What may be done to the picture from outside of it. @internal */
export interface CanvasHandle {
  showPages(first: number, end: number): void;
  /** The same, once the page shows what it was just told to show. */
  showLater(first: number, end: number): void;
  step(steps: number): void;
  pan(share: number): void;
  showAll(): void;
  /** Keys go to the picture. */
  focus(): void;
  seenPages(): { readonly first: number; readonly end: number } | null;
}
