// Signing in: the session is a cookie that no script can read.
import { Alert, Button, Card, Form, Input } from "antd";
import { useState } from "react";
import { api } from "../api/client";
import { useSpeech } from "../i18n";
import { LanguageSwitch } from "../parts/LanguageSwitch";
import { useExplain } from "../parts/explain";

export function LoginPage({ onSignedIn }: { onSignedIn: () => void }) {
  const { t } = useSpeech();
  const explain = useExplain();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const go = async (values: { login: string; password: string }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await api.POST("/api/session", { body: values });
      onSignedIn();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="login">
      <Card style={{ width: "100%", maxWidth: 380 }} title={t("app.name")} extra={<LanguageSwitch />}>
        {problem !== undefined && <Alert type="error" showIcon title={explain(problem)} style={{ marginBottom: 16 }} />}
        <Form layout="vertical" onFinish={go} requiredMark={false}>
          <Form.Item name="login" label={t("login.name")} rules={[{ required: true, message: t("login.need_name") }]}>
            <Input autoFocus autoComplete="username" />
          </Form.Item>
          <Form.Item name="password" label={t("login.password")} rules={[{ required: true, message: t("login.need_password") }]}>
            <Input.Password autoComplete="current-password" />
          </Form.Item>
          <Button type="primary" htmlType="submit" block loading={busy}>{t("login.go")}</Button>
        </Form>
      </Card>
    </div>
  );
}
