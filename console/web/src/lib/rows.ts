/** Long tables: only the rows in view are mounted, and more are asked for before the end is seen. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useCallback, useEffect } from "react";

const LOAD_AHEAD_ROWS = 30;

interface Rows {
  count: number;
  rowPx: number;
  scrollRef: RefObject<HTMLDivElement | null>;
  onEnd: () => void;
}

export function useRows({ count, rowPx, scrollRef, onEnd }: Rows) {
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => scrollRef.current,
    estimateSize: () => rowPx,
    overscan: 8,
  });
  const lastShown = virtualizer.getVirtualItems().at(-1)?.index ?? 0;
  useEffect(() => {
    if (count > 0 && lastShown >= count - LOAD_AHEAD_ROWS) onEnd();
  }, [lastShown, count, onEnd]);
  return virtualizer;
}

interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  isFetchNextPageError: boolean;
  fetchNextPage: () => Promise<unknown>;
}

/** Asks for the next page, once; a page that failed is asked for by the person. */
export function useLoadMore(pages: Pages): () => void {
  return useCallback(() => {
    if (pages.hasNextPage && !pages.isFetchingNextPage && !pages.isFetchNextPageError) {
      void pages.fetchNextPage();
    }
  }, [pages]);
}

/** The row that is `step` rows from the one at `index`; the first when there is none. */
export function rowAt<T>(rows: readonly T[], index: number, step: number): T | undefined {
  return rows[index < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, index + step))];
}
