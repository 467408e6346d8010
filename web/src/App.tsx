// The frame: who is signed in, the rooms they may enter, the language; pages load when they are opened.
import {
  AlertOutlined, AuditOutlined, BankOutlined, BookOutlined, DashboardOutlined, DeleteOutlined, ExperimentOutlined, FileSearchOutlined,
  ImportOutlined, NodeIndexOutlined, PhoneOutlined, SlidersOutlined, SolutionOutlined,
} from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Layout, Menu, Result, Segmented, Space, Spin } from "antd";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Navigate, Route, Routes, useLocation, useNavigate } from "react-router";
import { api, ApiError, body, type Schema } from "./api/client";
import { type Language, useSpeech } from "./i18n";
import type { Key } from "./i18n/words";
import { LoginPage } from "./pages/LoginPage";

interface Room {
  path: string;
  name: Key;
  icon: ReactNode;
  page: ReturnType<typeof lazy>;
  inside?: ReturnType<typeof lazy>;
}

const rooms: Room[] = [
  { path: "overview", name: "nav.overview", icon: <DashboardOutlined />, page: lazy(() => import("./pages/OverviewPage")) },
  {
    path: "applications", name: "nav.applications", icon: <SolutionOutlined />,
    page: lazy(() => import("./pages/ApplicationsPage")), inside: lazy(() => import("./pages/ApplicationPage")),
  },
  {
    path: "loans", name: "nav.loans", icon: <BankOutlined />,
    page: lazy(() => import("./pages/LoansPage")), inside: lazy(() => import("./pages/LoanPage")),
  },
  { path: "alerts", name: "nav.alerts", icon: <AlertOutlined />, page: lazy(() => import("./pages/AlertsPage")) },
  { path: "lines", name: "nav.lines", icon: <SlidersOutlined />, page: lazy(() => import("./pages/LinesPage")) },
  { path: "work", name: "nav.work", icon: <PhoneOutlined />, page: lazy(() => import("./pages/WorkPage")) },
  {
    path: "cases", name: "nav.cases", icon: <AuditOutlined />,
    page: lazy(() => import("./pages/CasesPage")), inside: lazy(() => import("./pages/CasePage")),
  },
  { path: "disposals", name: "nav.disposals", icon: <DeleteOutlined />, page: lazy(() => import("./pages/DisposalsPage")) },
  { path: "models", name: "nav.models", icon: <ExperimentOutlined />, page: lazy(() => import("./pages/ModelsPage")) },
  { path: "policies", name: "nav.policies", icon: <NodeIndexOutlined />, page: lazy(() => import("./pages/PoliciesPage")) },
  { path: "law", name: "nav.law", icon: <BookOutlined />, page: lazy(() => import("./pages/LawPage")) },
  { path: "imports", name: "nav.imports", icon: <ImportOutlined />, page: lazy(() => import("./pages/ImportsPage")) },
  { path: "reports", name: "nav.reports", icon: <FileSearchOutlined />, page: lazy(() => import("./pages/ReportsPage")) },
];

export function App() {
  const queries = useQueryClient();
  const me = useQuery({
    queryKey: ["session"],
    queryFn: async () => {
      try {
        return await body(api.GET("/api/session"));
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }
    },
  });
  useEffect(() => {
    const out = () => queries.setQueryData(["session"], null);
    window.addEventListener("jiehuan:signed-out", out);
    return () => window.removeEventListener("jiehuan:signed-out", out);
  }, [queries]);
  if (me.isPending) return <Spin fullscreen />;
  if (me.isError) return <Result status="error" title={me.error.message} extra={<Button onClick={() => me.refetch()}>↻</Button>} />;
  if (!me.data) return <LoginPage onSignedIn={() => queries.invalidateQueries()} />;
  return <Frame me={me.data} />;
}

function Frame({ me }: { me: Schema["Me"] }) {
  const { t, code, language, setLanguage } = useSpeech();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const here = useLocation().pathname.split("/")[1] || "overview";
  const out = async () => {
    await api.DELETE("/api/session");
    queries.clear();
    queries.setQueryData(["session"], null);
  };
  return (
    <Layout style={{ minHeight: "100vh" }}>
      <Layout.Sider breakpoint="lg" collapsedWidth={56} theme="light" width={176} style={{ borderRight: "1px solid #e3e8e6" }}>
        <div style={{ padding: "16px 16px 12px", fontWeight: 700, fontSize: 18, color: "#0f5257", whiteSpace: "nowrap", overflow: "hidden" }}>
          {language === "zh" ? "借还" : "jiehuan"}
        </div>
        <Menu
          mode="inline"
          selectedKeys={[here]}
          onClick={({ key }) => navigate(`/${key}`)}
          items={rooms.map((room) => ({ key: room.path, icon: room.icon, label: t(room.name) }))}
          style={{ borderInlineEnd: 0 }}
        />
      </Layout.Sider>
      <Layout>
        <Layout.Header
          style={{ background: "#fff", padding: "0 24px", display: "flex", justifyContent: "space-between", borderBottom: "1px solid #e3e8e6" }}
        >
          <strong>{t("app.title")}</strong>
          <Space size="middle">
            <Segmented<Language>
              size="small"
              value={language}
              onChange={setLanguage}
              options={[{ label: "中文", value: "zh" }, { label: "EN", value: "en" }]}
            />
            <span className="muted">{me.name} · {code("role", me.role)}</span>
            <Button size="small" onClick={out}>{t("login.out")}</Button>
          </Space>
        </Layout.Header>
        <Layout.Content>
          <Suspense fallback={<Spin style={{ display: "block", marginTop: 80 }} />}>
            <Routes>
              <Route path="/" element={<Navigate to="/overview" replace />} />
              {rooms.map((room) => (
                <Route key={room.path} path={`/${room.path}`} element={<room.page />} />
              ))}
              {rooms.map((room) => room.inside && <Route key={`${room.path}/`} path={`/${room.path}/:id`} element={<room.inside />} />)}
              <Route path="*" element={<Result status="404" title={t("error.nowhere")} />} />
            </Routes>
          </Suspense>
        </Layout.Content>
      </Layout>
    </Layout>
  );
}
