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
  "sure.tape": both("把建议转让的债权生成转让清单？", "Make a tape of the claims that are to be sold?"),
} as const;
