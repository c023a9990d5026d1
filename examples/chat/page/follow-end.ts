/** How near to the end counts as at the end. */
const NEAR_PX = 40;

/**
 * Keeps a scrolling list at its end when it grows, when an image in it has loaded and when its size changes: unless
 * somebody has scrolled up to read. Returns what to call after adding to it.
 */
export function followEnd(list: HTMLElement): () => void {
  let isFollowing = true;
  let lastTop = 0;
  const follow = (): void => {
    if (isFollowing) list.scrollTop = list.scrollHeight;
  };
  list.addEventListener("scroll", () => {
    const isNear = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX;
    if (isNear) isFollowing = true;
    else if (list.scrollTop < lastTop) isFollowing = false;
    lastTop = list.scrollTop;
  });
  list.addEventListener("load", follow, { capture: true }); // this event does not bubble
  new ResizeObserver(follow).observe(list);
  return follow;
}
