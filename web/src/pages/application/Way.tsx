// The way of an application: written, decided, signed, paid out; where it stands, and where it ended.
import { Grid, Steps } from "antd";
import { useSpeech } from "../../i18n";

const AT: Record<string, number> = { writing: 0, new: 1, review: 1, refused: 1, approved: 2, signed: 3, booked: 4 };

export function Way({ status }: { status: string }) {
  const { t, code } = useSpeech();
  const wide = Grid.useBreakpoint().sm ?? true;
  const at = AT[status];
  if (at === undefined) return null;
  const ended = status === "refused";
  return (
    <div role="group" aria-label={t("way.title")}>
      <Steps
        size="small" current={at} status={ended ? "error" : "process"} orientation={wide ? "horizontal" : "vertical"} style={{ marginBottom: 16, maxWidth: 900 }}
        items={(["write", "decide", "sign", "disburse"] as const).map((step, n) => ({
          title: t(`way.${step}`), content: n === 1 && (ended || status === "review") ? code("application_status", status) : undefined,
        }))}
      />
    </div>
  );
}
