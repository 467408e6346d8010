import { Descriptions, Grid } from "antd";
import { type ReactNode } from "react";

/** Names and their values, two beside each other where there is room. */
export function Facts({ items }: { items: { label: string; children: ReactNode }[] }) {
  const wide = Grid.useBreakpoint().sm ?? true;
  return <Descriptions size="small" column={wide ? 2 : 1} items={items.map((item) => ({ label: item.label, key: item.label, children: <span>{item.children}</span> }))} style={{ marginBottom: 8 }} />;
}
