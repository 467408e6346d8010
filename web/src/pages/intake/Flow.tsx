// The bank flow of a new application: a file is read in the browser, its columns are recognised or named, long numbers are masked.
import { DeleteOutlined, UploadOutlined } from "@ant-design/icons";
import { Alert, Button, Collapse, Select, Space, Upload } from "antd";
import { useState } from "react";
import { useSpeech } from "../../i18n";
import type { Key } from "../../i18n/words";
import { enough, FIELDS, type FlowFile, readFlow, span, type Unreadable, withColumns } from "./flowFile";

interface Props {
  flow: FlowFile | undefined;
  onChange: (flow: FlowFile | undefined) => void;
}

export function Flow({ flow, onChange }: Props) {
  const { t } = useSpeech();
  const [unread, setUnread] = useState<Unreadable>();
  const take = async (file: File) => {
    const read = await readFlow(file);
    setUnread(typeof read === "string" ? read : undefined);
    onChange(typeof read === "string" ? undefined : read);
  };
  const days = flow && span(flow.rows);
  return (
    <div className="flow">
      <Space wrap>
        <Upload accept=".csv,.json,.txt" maxCount={1} showUploadList={false} beforeUpload={(file) => { void take(file); return false; }}>
          <Button icon={<UploadOutlined />}>{t("intake.choose_flow")}</Button>
        </Upload>
        {flow && <Button type="text" icon={<DeleteOutlined />} onClick={() => onChange(undefined)}>{t("intake.flow_remove")}</Button>}
      </Space>
      {unread && <Alert type="error" showIcon role="alert" title={t("intake.flow_unreadable", { why: t(`intake.flow_${unread}`, { n: 5000 }) })} />}
      {flow && (
        <div role="status">
          {days ? t("intake.flow_rows", { name: flow.name, rows: flow.rows.length, from: days[0], to: days[1] }) : t("intake.flow_count", { name: flow.name, rows: flow.rows.length })}
          {flow.masked > 0 && <div className="muted">{t("intake.flow_masked", { n: flow.masked })}</div>}
        </div>
      )}
      {flow && !enough(flow) && <Alert type="warning" showIcon role="alert" title={t("intake.flow_need")} />}
      {flow?.table && (
        <Collapse
          size="small" key={flow.name} defaultActiveKey={enough(flow) ? [] : ["columns"]}
          items={[{
            key: "columns", label: t("intake.flow_columns"),
            children: (
              <div className="columns">
                {FIELDS.map((field) => (
                  <label key={field}>
                    <span>{t(`intake.col.${field}` as Key)}</span>
                    <Select
                      allowClear size="small" aria-label={t(`intake.col.${field}` as Key)} value={flow.columns[field]} style={{ width: "100%" }}
                      options={flow.table!.header.filter(Boolean).map((name) => ({ value: name, label: name }))}
                      onChange={(name?: string) => onChange(withColumns(flow, { ...flow.columns, [field]: name }))}
                    />
                  </label>
                ))}
              </div>
            ),
          }]}
        />
      )}
    </div>
  );
}
