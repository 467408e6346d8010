// The rooms of the console, each with the door of the interface that a role needs to enter it.
import {
  AlertOutlined, AuditOutlined, BankOutlined, BookOutlined, DashboardOutlined, DeleteOutlined, ExperimentOutlined, FileSearchOutlined, HistoryOutlined,
  ImportOutlined, NodeIndexOutlined, PhoneOutlined, RadarChartOutlined, SlidersOutlined, SolutionOutlined, TeamOutlined, UserOutlined, WalletOutlined, UserSwitchOutlined,
} from "@ant-design/icons";
import { type ComponentType, lazy, type LazyExoticComponent, type ReactNode } from "react";
import type { Key } from "./i18n/words";

type Page = LazyExoticComponent<ComponentType>;

export interface Room {
  path: string;
  name: Key;
  door: string;
  icon: ReactNode;
  page: Page;
  inside?: Page;
  /** Where a new one is written, and its own door. */
  fresh?: { door: string; page: Page };
}

export const rooms: Room[] = [
  { path: "overview", name: "nav.overview", door: "GET /api/overview", icon: <DashboardOutlined />, page: lazy(() => import("./pages/OverviewPage")) },
  {
    path: "applications", name: "nav.applications", door: "GET /api/applications", icon: <SolutionOutlined />,
    page: lazy(() => import("./pages/ApplicationsPage")), inside: lazy(() => import("./pages/ApplicationPage")),
    fresh: { door: "POST /api/applications", page: lazy(() => import("./pages/NewApplicationPage")) },
  },
  { path: "reviews", name: "nav.reviews", door: "GET /api/reviews", icon: <UserSwitchOutlined />, page: lazy(() => import("./pages/ReviewsPage")) },
  {
    path: "loans", name: "nav.loans", door: "GET /api/loans", icon: <BankOutlined />,
    page: lazy(() => import("./pages/LoansPage")), inside: lazy(() => import("./pages/LoanPage")),
  },
  {
    path: "accounts", name: "nav.accounts", door: "GET /api/accounts/{borrower_id}/timeline", icon: <UserOutlined />,
    page: lazy(() => import("./pages/AccountsPage")), inside: lazy(() => import("./pages/AccountPage")),
  },
  {
    path: "alerts", name: "nav.alerts", door: "GET /api/alerts", icon: <AlertOutlined />,
    page: lazy(() => import("./pages/AlertsPage")), inside: lazy(() => import("./pages/AlertPage")),
  },
  {
    path: "signals", name: "nav.signals", door: "GET /api/signals", icon: <RadarChartOutlined />,
    page: lazy(() => import("./pages/SignalsPage")), inside: lazy(() => import("./pages/SignalPage")),
  },
  { path: "lines", name: "nav.lines", door: "GET /api/lines", icon: <SlidersOutlined />, page: lazy(() => import("./pages/LinesPage")) },
  { path: "money", name: "nav.money", door: "GET /api/money/suspense", icon: <WalletOutlined />, page: lazy(() => import("./pages/MoneyPage")) },
  { path: "work", name: "nav.work", door: "GET /api/work", icon: <PhoneOutlined />, page: lazy(() => import("./pages/WorkPage")) },
  {
    path: "cases", name: "nav.cases", door: "GET /api/cases", icon: <AuditOutlined />,
    page: lazy(() => import("./pages/CasesPage")), inside: lazy(() => import("./pages/CasePage")),
  },
  { path: "disposals", name: "nav.disposals", door: "GET /api/disposals", icon: <DeleteOutlined />, page: lazy(() => import("./pages/DisposalsPage")) },
  {
    path: "models", name: "nav.models", door: "GET /api/models", icon: <ExperimentOutlined />,
    page: lazy(() => import("./pages/ModelsPage")), inside: lazy(() => import("./pages/ModelPage")),
  },
  {
    path: "policies", name: "nav.policies", door: "GET /api/policies", icon: <NodeIndexOutlined />,
    page: lazy(() => import("./pages/PoliciesPage")), inside: lazy(() => import("./pages/PolicyPage")),
  },
  { path: "law", name: "nav.law", door: "GET /api/law", icon: <BookOutlined />, page: lazy(() => import("./pages/LawPage")) },
  {
    path: "imports", name: "nav.imports", door: "GET /api/imports", icon: <ImportOutlined />,
    page: lazy(() => import("./pages/ImportsPage")), inside: lazy(() => import("./pages/ImportPage")),
  },
  { path: "reports", name: "nav.reports", door: "GET /api/reports", icon: <FileSearchOutlined />, page: lazy(() => import("./pages/ReportsPage")) },
  { path: "users", name: "nav.users", door: "GET /api/users", icon: <TeamOutlined />, page: lazy(() => import("./pages/UsersPage")) },
  { path: "diary", name: "nav.diary", door: "GET /api/activity", icon: <HistoryOutlined />, page: lazy(() => import("./pages/DiaryPage")) },
];
