import { Button, Result } from "antd";
import { Component, type ReactNode } from "react";
import { useSpeech } from "../i18n";

/** Keeps the frame standing when a page breaks; a fresh load mends it where a new build replaced the page's file. */
export class Broken extends Component<{ children: ReactNode }, { broken: boolean }> {
  state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  render() {
    return this.state.broken ? <Said /> : this.props.children;
  }
}

function Said() {
  const { t } = useSpeech();
  return <Result status="error" title={t("error.broken")} extra={<Button onClick={() => window.location.reload()}>{t("app.again")}</Button>} />;
}
