// What the interface says of a refused value, in Chinese: its reasons and mends come in English. What is not known here stays English.

const SAID: [RegExp, string][] = [
  // reasons
  [/^Field required$/, "必填"],
  [/^String should match pattern .*$/, "格式不正确"],
  [/^String should have at most (\d+) characters?$/, "最多 $1 个字"],
  [/^String should have at least (\d+) characters?$/, "至少 $1 个字"],
  [/^Input should be greater than or equal to (\S+)$/, "应不小于 $1"],
  [/^Input should be less than or equal to (\S+)$/, "应不大于 $1"],
  [/^Input should be a valid (?:integer|number)\b.*$/, "应为数字"],
  [/^Input should be a valid date\b.*$/, "应为日期"],
  [/^Extra inputs are not permitted$/, "不认识的字段"],
  [/^Value error, holds (an identity number|a mobile number)(?: and .*)?; leave personal data out of it$/, "含有身份证号或手机号，请勿填写个人信息"],
  [/^Value error, not an amount in yuan; .*$/, "不是金额，最多两位小数"],
  [/^not well formed$/, "格式不正确"],
  [/^nobody to lend to$/, "没有指明借款人"],
  [/^in the future$/, "晚于今天"],
  [/^missing$|^is missing$/, "缺失"],
  [/^unknown$/, "不认识"],
  [/^not a date or an instant$/, "不是日期或时间"],
  [/^not a date$/, "不是日期"],
  [/^not a day of the month$/, "不是日期中的日"],
  [/^not an amount.*$/, "不是金额"],
  [/^nothing was moved$/, "金额为 0"],
  [/^not a direction$/, "不是收支方向"],
  [/^the same transaction again$/, "与前面的交易重复"],
  [/^no transactions?$/, "没有交易记录"],
  [/^no transaction before (\S+)$/, "$1 之前没有交易记录"],
  [/^cannot be true$/, "数值不可信"],
  [/^exists with other .*$/, "编号已被不同内容的申请占用"],
  [/^not a whole number from 1 to (\d+)$/, "应为 1 至 $1 的整数"],
  [/^no such (application|borrower|loan|case|alert|draft|release)$/, "没有这条记录"],
  [/^the person has not consented to this$/, "未取得本人同意"],
  [/^the source did not answer$/, "数据源没有回答"],
  [/^(?:cannot be reached|not reachable|is not reachable).*$/, "无法连接"],
  [/^is (signed|booked|imported|withdrawn|approved)$/, "当前状态不允许"],
  [/^no month leaves any cash for debt service$/, "没有任何一个月有可用于还款的现金"],
  // mends
  [/^check the year$/, "核对年份"],
  [/^check the id$/, "核对编号"],
  [/^send id_number or borrower_id$/, "填写身份证号"],
  [/^write YYYY-MM-DD(?: or an ISO instant)?$/, "写成 2026-03-04 或 2026-03-04 16:26:00"],
  [/^write yuan like (\S+)$/, "写成 $1 这样的金额"],
  [/^write in or out$/, "写 in（收入）或 out（支出）"],
  [/^remove the (?:doubled )?row$/, "删除这一行"],
  [/^give at least one row$/, "至少一行"],
  [/^give an earlier flow$/, "提供更早的流水"],
  [/^give a value from (\S+) to (\S+)$/, "应在 $1 至 $2 之间"],
  [/^write a number from 1 to 31$/, "填 1 至 31"],
  [/^write a number like (\d+)$/, "填 $1 这样的数字"],
  [/^ask for consent first$/, "先取得同意"],
  [/^its decision stands$/, "原决定不变"],
  [/^try later, or decide without it$/, "稍后再试，或不用它决定"],
];

/** The sentence in Chinese when it is known. */
export function inChinese(said: string): string {
  for (const [pattern, chinese] of SAID) {
    const found = pattern.exec(said);
    if (found) return chinese.replace(/\$(\d)/g, (_, n: string) => found[Number(n)] ?? "");
  }
  return said;
}
