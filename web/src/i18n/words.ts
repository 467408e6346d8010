// Every word of the console in Chinese and English. Codes of the interface are `group.code`.
const both = (zh: string, en: string) => ({ zh, en });

export const words = {
  "app.title": both("借还 · 信贷风险闭环", "jiehuan · closed-loop credit risk"),
  "nav.overview": both("总览", "Overview"),
  "nav.applications": both("申请", "Applications"),
  "nav.loans": both("贷款", "Loans"),
  "nav.alerts": both("预警", "Alerts"),
  "nav.work": both("催收", "Collections"),
  "nav.cases": both("案件", "Cases"),
  "nav.lines": both("额度", "Lines"),
  "nav.disposals": both("不良处置", "Disposals"),
  "nav.models": both("模型", "Models"),
  "nav.policies": both("策略", "Policies"),
  "nav.law": both("法规", "Law"),
  "nav.imports": both("导入", "Imports"),
  "nav.reports": both("报告", "Reports"),
  "error.nowhere": both("没有这个页面", "There is no such page"),
  "role.risk": both("风控", "risk"),
  "role.collector": both("催收员", "collector"),
  "role.legal": both("法务", "legal"),
  "role.auditor": both("审计", "auditor"),
  "role.admin": both("管理员", "administrator"),
  "login.title": both("登录", "Sign in"),
  "login.name": both("用户名", "User name"),
  "login.password": both("密码", "Password"),
  "login.go": both("登录", "Sign in"),
  "login.out": both("退出", "Sign out"),
} as const;

export type Key = keyof typeof words;
