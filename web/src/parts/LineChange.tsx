// What a change of a line does: the limit or the price, from what to what; green when it is to the borrower's good.
import { ArrowRightOutlined } from "@ant-design/icons";
import type { Schema } from "../api/client";
import { percent, yuan } from "./show";

export function Change({ row }: { row: Schema["LineChange"] }) {
  const priced = row.new_rate !== row.old_rate;
  const held = row.status === "held" && row.proposed_limit !== null;
  const to = held ? row.proposed_limit : row.new_limit;
  const better = priced ? Number(row.new_rate) < Number(row.old_rate) : Number(to) > Number(row.old_limit);
  return (
    <span style={{ whiteSpace: "nowrap" }}>
      <span className="muted">{priced ? percent(row.old_rate) : yuan(row.old_limit)} <ArrowRightOutlined style={{ fontSize: 10 }} /></span>{" "}
      <strong className={held ? "muted" : better ? "good" : "bad"} style={held ? { textDecoration: "line-through" } : undefined}>{priced ? percent(row.new_rate) : yuan(to)}</strong>
    </span>
  );
}
