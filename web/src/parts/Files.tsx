import { Empty } from "antd";
import type { Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { Paper } from "./Paper";
import { moment } from "./show";

/** Documents, each to be saved by a click. */
export function Files({ files }: { files: Schema["FileRow"][] }) {
  const { t, code, name } = useSpeech();
  if (!files.length) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("files.none")} />;
  const called = (file: Schema["FileRow"]) => {
    const paper = file.name.replace(/\.[a-z]+$/, "").replace(/^[a-z]{2}_[0-9a-z]{20,}-?/, "");
    return paper ? name("paper", paper) : code("file", file.kind);
  };
  return (
    <ul className="files">
      {files.map((file) => (
        <li key={file.file_id}>
          <Paper fileId={file.file_id} name={file.name}>{called(file)}</Paper>{" "}
          <span className="muted">{file.name.split(".").pop()?.toUpperCase()} · {moment(file.created_at)}</span>
        </li>
      ))}
    </ul>
  );
}
