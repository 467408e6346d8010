// What is asked before a deed that cannot be taken back.
import { both } from "./both";

export const sure = {
  "sure.line_approve": both("同意 {count} 项调整？借款人将收到通知，到期自动生效。", "Approve {count} changes? The borrowers are told, and the changes take hold on their day."),
  "sure.line_refuse": both("拒绝 {count} 项调整？额度和价格保持不变。", "Refuse {count} changes? Limits and prices stay."),
  "sure.signal_approve": both("使这一版信号生效？此后的预警按它产生。", "Put this version of the signals in force? Alerts follow it from then on."),
  "sure.signal_refuse": both("驳回这一版信号？", "Refuse this version of the signals?"),
  "sure.discard": both("弃用这份草稿？之后不能再编辑。", "Put this draft away? It cannot be edited afterwards."),
  "sure.withdraw": both("撤回这次发布？", "Withdraw this release?"),
  "sure.lock": both("停用 {login}？其登录立即失效。", "Lock {login}? Their sessions end at once."),
  "sure.file": both("登记已递交法院？诉讼费随即入账。", "Record that it was filed? The court fee is booked at once."),
  "sure.dispose_hold": both("贷款 {loan}（债权 {balance} 元）继续自行催收？预计收回 {value} 元（{low} – {high}）。", "Keep loan {loan} (claim {balance} yuan) and go on collecting? Expected to recover {value} ({low} – {high})."),
  "sure.dispose_restructure": both("按建议重组贷款 {loan}（债权 {balance} 元）？新还款计划立即生效；预计收回 {value} 元（{low} – {high}）。新计划可在贷款页先看。", "Restructure loan {loan} (claim {balance} yuan) as proposed? The new plan holds at once; expected to recover {value} ({low} – {high}). The plan can be seen first on the loan's page."),
  "sure.dispose_litigate": both("同意对贷款 {loan}（债权 {balance} 元）走诉讼？预计收回 {value} 元（{low} – {high}）；案件由法务在贷款页准备。", "Take loan {loan} (claim {balance} yuan) to court? Expected to recover {value} ({low} – {high}); the legal desk prepares the case on the loan's page."),
  "sure.dispose_writeoff": both("核销贷款 {loan}（债权 {balance} 元）？余额退出资产，债权保留，可继续追偿；预计收回 {value} 元（{low} – {high}）。", "Write off loan {loan} (claim {balance} yuan)? It leaves the assets, the claim stays and may be pursued; expected to recover {value} ({low} – {high})."),
  "sure.tape": both("把建议转让的债权生成转让清单？", "Make a tape of the claims that are to be sold?"),
} as const;
