import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";

interface LongTextProps {
  /** What the text is, said to who comes to it to scroll. */
  label: string;
  className: string;
  children: ReactNode;
}

/** Text within bounds: where it is longer and scrolls, the keyboard gets to it. */
export function LongText({ label, className, children }: LongTextProps) {
  const text = useRef<HTMLSpanElement>(null);
  const [scrolls, setScrolls] = useState(false);
  const look = () => {
    const it = text.current;
    if (it) setScrolls(it.scrollHeight > it.clientHeight || it.scrollWidth > it.clientWidth);
  };
  useLayoutEffect(look);
  useEffect(() => {
    const observer = new ResizeObserver(look);
    if (text.current) observer.observe(text.current);
    return () => observer.disconnect();
  });
  const reach = scrolls ? { tabIndex: 0, role: "group", "aria-label": label } : {};
  return (
    <span ref={text} className={className} {...reach}>
      {children}
    </span>
  );
}
