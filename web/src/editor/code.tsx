// Where the decision editor shows code, it asks for Monaco, which brings four megabytes and a network of its own; plain boxes
// do here, as policies hold no programs. vite.config.ts puts this file in Monaco's place.
import { Input } from "antd";

interface Props {
  value?: string;
  defaultValue?: string;
  onChange?: (value: string) => void;
  options?: { readOnly?: boolean };
}

export function Editor({ value, defaultValue, onChange, options }: Props) {
  return (
    <Input.TextArea
      className="code" spellCheck={false} autoSize={{ minRows: 10, maxRows: 40 }} readOnly={options?.readOnly || !onChange}
      value={value ?? defaultValue ?? ""} onChange={(event) => onChange?.(event.target.value)}
    />
  );
}

export function DiffEditor({ original, modified }: { original?: string; modified?: string }) {
  return <div className="pictures"><Editor value={original} /><Editor value={modified} /></div>;
}

export const loader = { config: () => undefined };
export const useMonaco = () => null;
export const MarkerSeverity = { Error: 8 };
export default Editor;
