// A button whose deed cannot be taken back: it asks first.
import { Button, type ButtonProps, Popconfirm } from "antd";

interface Props extends Omit<ButtonProps, "onClick" | "title"> {
  question: string;
  onSure: () => void;
}

export function Sure({ question, onSure, disabled, ...button }: Props) {
  return (
    <Popconfirm title={question} onConfirm={onSure} disabled={disabled} styles={{ root: { maxWidth: 360 } }}>
      <Button disabled={disabled} {...button} />
    </Popconfirm>
  );
}
