import { Alert, Button, Card, Form, Input, Segmented } from "antd";
import { useState } from "react";
import { api } from "../api/client";
import { type Language, useSpeech } from "../i18n";

export function LoginPage({ onSignedIn }: { onSignedIn: () => void }) {
  const { t, language, setLanguage } = useSpeech();
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const go = async (values: { login: string; password: string }) => {
    setBusy(true);
    setProblem("");
    try {
      await api.POST("/api/session", { body: values });
      onSignedIn();
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div style={{ minHeight: "100vh", display: "grid", placeItems: "center" }}>
      <Card style={{ width: 360 }} title={t("app.title")} extra={
        <Segmented<Language> size="small" value={language} onChange={setLanguage} options={[{ label: "中文", value: "zh" }, { label: "EN", value: "en" }]} />
      }>
        {problem && <Alert type="error" title={problem} style={{ marginBottom: 16 }} />}
        <Form layout="vertical" onFinish={go} requiredMark={false}>
          <Form.Item name="login" label={t("login.name")} rules={[{ required: true }]}>
            <Input autoFocus autoComplete="username" />
          </Form.Item>
          <Form.Item name="password" label={t("login.password")} rules={[{ required: true }]}>
            <Input.Password autoComplete="current-password" />
          </Form.Item>
          <Button type="primary" htmlType="submit" block loading={busy}>{t("login.go")}</Button>
        </Form>
      </Card>
    </div>
  );
}
