// A text with the numbers of its lines beside it; lines with a fault are marked, and a fault leads to its line.
import { useEffect, useRef } from "react";

const LINE = 19;

interface Props {
  value: string;
  onChange?: (value: string) => void;
  faults: number[];
  label: string;
  /** Bring this line into sight (from 1); a new object scrolls again. */
  go?: { line: number };
  height?: number;
}

export function YamlBox({ value, onChange, faults, label, go, height = 520 }: Props) {
  const box = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const lines = value.split("\n").length;
  const marked = new Set(faults);
  useEffect(() => {
    if (!go || !box.current) return;
    const before = value.split("\n").slice(0, go.line - 1).join("\n").length + (go.line > 1 ? 1 : 0);
    box.current.focus();
    box.current.setSelectionRange(before, before + (value.split("\n")[go.line - 1]?.length ?? 0));
    box.current.scrollTop = Math.max(0, (go.line - 6) * LINE);
    // only a new wish scrolls, not each keystroke
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [go]);
  return (
    <div className="yaml-box" style={{ height }}>
      <div className="yaml-gutter" ref={gutter} aria-hidden>
        {Array.from({ length: lines }, (_, n) => <div key={n} className={marked.has(n + 1) ? "fault" : undefined}>{n + 1}</div>)}
      </div>
      <textarea
        ref={box}
        aria-label={label}
        spellCheck={false}
        wrap="off"
        value={value}
        readOnly={!onChange}
        onChange={(event) => onChange?.(event.target.value)}
        onScroll={(event) => { if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop; }}
        onKeyDown={(event) => {
          if (event.key !== "Tab" || event.shiftKey || !onChange) return;
          const { selectionStart, selectionEnd } = event.currentTarget;
          if (selectionStart !== selectionEnd) return;
          event.preventDefault();
          document.execCommand("insertText", false, "  "); // keeps the browser's undo
        }}
      />
    </div>
  );
}
