// A stored paper: fetched and saved by the browser; a refusal is told as a sentence instead of a page of JSON.
import { DownloadOutlined } from "@ant-design/icons";
import { App as AntApp, Button } from "antd";
import { type ReactNode, useState } from "react";
import { ApiError } from "../api/client";
import { useExplain } from "./explain";

export const fileLink = (fileId: string) => `/api/files/${encodeURIComponent(fileId)}`;

/** The answer of a file's address; an error of the interface is thrown as everywhere. */
export async function fetchFile(fileId: string): Promise<Response> {
  const answer = await fetch(fileLink(fileId));
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, told.problems ?? []);
}

interface Props {
  fileId: string;
  name: string;
  children: ReactNode;
  kind?: "link" | "button";
  icon?: ReactNode;
}

export function Paper({ fileId, name, children, kind = "link", icon = <DownloadOutlined /> }: Props) {
  const { message } = AntApp.useApp();
  const explain = useExplain();
  const [busy, setBusy] = useState(false);
  const take = async () => {
    setBusy(true);
    try {
      save(await (await fetchFile(fileId)).blob(), name);
    } catch (error) {
      message.error(explain(error), 6);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button type={kind === "link" ? "link" : "default"} size="small" icon={icon} loading={busy} onClick={take} style={kind === "link" ? { padding: 0 } : undefined}>
      {children}
    </Button>
  );
}

function save(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
