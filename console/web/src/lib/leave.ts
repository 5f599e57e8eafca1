/** Leaves the console for a page elsewhere that the server has named. */
export function leaveFor(url: string): void {
  window.location.assign(url);
}
