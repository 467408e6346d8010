// What is known of the borrower, feature by feature; what is unknown is not listed.
import { useSpeech } from "../../i18n";
import { useFeature } from "../../parts/feature";
import { Rows } from "../../parts/Rows";

export function Features({ features }: { features: Record<string, unknown> }) {
  const { t } = useSpeech();
  const { called, said } = useFeature();
  const known = Object.entries(features).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return (
    <Rows
      pagination={{ pageSize: 15, hideOnSinglePage: true, showSizeChanger: false }}
      scroll={undefined}
      rowKey={(row) => row.feature}
      dataSource={known.map(([feature, value]) => ({ feature, value }))}
      columns={[
        { title: t("field.feature"), render: (_, row) => <span title={row.feature}>{called(row.feature)}</span> },
        {
          title: t("field.value"), align: "right",
          render: (_, row) => Array.isArray(row.value) ? t("application.rows", { n: row.value.length })
            : row.value && typeof row.value === "object" ? t("application.fields", { n: Object.keys(row.value).length }) : said(row.value, row.feature),
        },
      ]}
    />
  );
}
