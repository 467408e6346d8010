// The frame: who is signed in, the rooms they may enter, the language; pages load when they are opened.
import { MenuOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Drawer, Grid, Layout, Menu, Result, Space, Spin } from "antd";
import { Suspense, useEffect, useState } from "react";
import { Navigate, Route, Routes, useLocation, useNavigate } from "react-router";
import { api, ApiError, body, type Schema } from "./api/client";
import { useSpeech } from "./i18n";
import { forgetDraft } from "./pages/intake/draft";
import { LoginPage } from "./pages/LoginPage";
import { Broken } from "./parts/Broken";
import { LanguageSwitch } from "./parts/LanguageSwitch";
import { Password } from "./parts/Password";
import { useExplain } from "./parts/explain";
import { rooms } from "./rooms";
import { SessionProvider, useSession } from "./session";

export function App() {
  const { t } = useSpeech();
  const explain = useExplain();
  const queries = useQueryClient();
  const me = useQuery({ queryKey: ["session"], queryFn: whoAmI, staleTime: 60_000 });
  useEffect(() => {
    const out = () => queries.setQueryData(["session"], null);
    window.addEventListener("jiehuan:signed-out", out);
    return () => window.removeEventListener("jiehuan:signed-out", out);
  }, [queries]);
  if (me.isPending) return <Spin fullscreen />;
  if (me.isError) return <Result status="warning" title={explain(me.error)} extra={<Button onClick={() => me.refetch()}>{t("app.again")}</Button>} />;
  if (!me.data) return <LoginPage onSignedIn={() => queries.invalidateQueries()} />;
  return <SessionProvider me={me.data}><Frame /></SessionProvider>;
}

async function whoAmI(): Promise<Schema["Me"] | null> {
  try {
    return await body(api.GET("/api/session"));
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

function Frame() {
  const { t, code } = useSpeech();
  const { me, may } = useSession();
  const queries = useQueryClient();
  const wide = Grid.useBreakpoint().lg ?? true;
  const path = useLocation().pathname;
  const [menu, setMenu] = useState(false);
  const open = rooms.filter((room) => may(room.door));
  const out = async () => {
    forgetDraft();
    await api.DELETE("/api/session").catch(() => undefined);
    queries.setQueryData(["session"], null);
    queries.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" }); // the next person sees none of it
  };
  return (
    <Layout style={{ minHeight: "100vh" }}>
      {wide && (
        <Layout.Sider theme="light" width={176} className="side">
          <div className="brand">{t("app.name")}</div>
          <Rooms />
        </Layout.Sider>
      )}
      <Layout>
        <Layout.Header className="head">
          <Space size="small">
            {!wide && <Button type="text" icon={<MenuOutlined />} aria-label={t("app.menu")} onClick={() => setMenu(true)} />}
            {wide ? <strong>{t("app.title")}</strong> : <strong className="brand-word">{t("app.name")}</strong>}
          </Space>
          <Space size={wide ? "middle" : "small"}>
            <LanguageSwitch />
            <span className="muted who">{wide ? `${me.name} · ${code("role", me.role)}` : code("role", me.role)}</span>
            {wide && <Password />}
            <Button size="small" onClick={out}>{t("login.out")}</Button>
          </Space>
        </Layout.Header>
        <div>
          <Broken key={path}>
            <Suspense fallback={<Spin style={{ display: "block", marginTop: 80 }} />}>
              <Routes>
                <Route path="/" element={<Navigate to={`/${open[0]?.path ?? "overview"}`} replace />} />
                {open.map((room) => <Route key={room.path} path={`/${room.path}`} element={<room.page />} />)}
                {open.map((room) => room.fresh && <Route key={`${room.path}/new`} path={`/${room.path}/new`} element={may(room.fresh.door) ? <room.fresh.page /> : <Result status="404" title={t("error.nowhere")} />} />)}
                {open.map((room) => room.inside && <Route key={`${room.path}/`} path={`/${room.path}/:id`} element={<room.inside />} />)}
                <Route path="*" element={<Result status="404" title={t("error.nowhere")} />} />
              </Routes>
            </Suspense>
          </Broken>
        </div>
      </Layout>
      <Drawer open={menu && !wide} onClose={() => setMenu(false)} placement="left" size={220} title={t("app.title")} styles={{ body: { padding: 0 } }}>
        <Rooms onGo={() => setMenu(false)} />
        <div style={{ padding: 16 }}><Password /></div>
      </Drawer>
    </Layout>
  );
}

/** The rooms that the role may enter. */
function Rooms({ onGo }: { onGo?: () => void }) {
  const { t } = useSpeech();
  const { may } = useSession();
  const navigate = useNavigate();
  const here = useLocation().pathname.split("/")[1] || "overview";
  return (
    <Menu
      mode="inline"
      selectedKeys={[here]}
      onClick={({ key }) => { navigate(`/${key}`); onGo?.(); }}
      items={rooms.filter((room) => may(room.door)).map((room) => ({ key: room.path, icon: room.icon, label: t(room.name) }))}
      style={{ borderInlineEnd: 0 }}
    />
  );
}
