import { DownloadOutlined } from "@ant-design/icons";
import { List } from "antd";
import type { Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { moment } from "./show";

/** Documents with their links; a PDF opens beside, others are saved. */
export function Files({ files }: { files: Schema["FileRow"][] }) {
  const { t, code } = useSpeech();
  return (
    <List
      size="small"
      header={<strong>{t("files.title")}</strong>}
      dataSource={files}
      locale={{ emptyText: t("files.none") }}
      renderItem={(file) => (
        <List.Item>
          <a href={`/api/files/${file.file_id}`} target="_blank" rel="noreferrer"><DownloadOutlined /> {code("file", file.kind)} · {file.name}</a>
          <span className="muted">{moment(file.created_at)}</span>
        </List.Item>
      )}
    />
  );
}
