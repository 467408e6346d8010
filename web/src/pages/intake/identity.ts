// A mainland identity number (GB 11643): its check character, and the birth date, sex and province that it tells.

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const PROVINCES: Record<string, string> = {
  11: "北京", 12: "天津", 13: "河北", 14: "山西", 15: "内蒙古", 21: "辽宁", 22: "吉林", 23: "黑龙江", 31: "上海", 32: "江苏", 33: "浙江", 34: "安徽", 35: "福建",
  36: "江西", 37: "山东", 41: "河南", 42: "湖北", 43: "湖南", 44: "广东", 45: "广西", 46: "海南", 50: "重庆", 51: "四川", 52: "贵州", 53: "云南", 54: "西藏",
  61: "陕西", 62: "甘肃", 63: "青海", 64: "宁夏", 65: "新疆",
};
export const REGIONS = Object.values(PROVINCES);

export interface Told {
  born: string;
  sex: "male" | "female";
  region: string | undefined;
}

/** What the number tells; undefined when it cannot be one. */
export function readIdentity(number: string): Told | undefined {
  if (!/^\d{17}[\dX]$/.test(number)) return undefined;
  const sum = WEIGHTS.reduce((total, weight, n) => total + weight * Number(number[n]), 0);
  if ("10X98765432"[sum % 11] !== number[17]) return undefined;
  const born = `${number.slice(6, 10)}-${number.slice(10, 12)}-${number.slice(12, 14)}`;
  const day = new Date(`${born}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== born || day.getTime() > Date.now()) return undefined;
  return { born, sex: Number(number[16]) % 2 ? "male" : "female", region: PROVINCES[number.slice(0, 2)] };
}

export function ageOn(born: string, today: string): number {
  return Number(today.slice(0, 4)) - Number(born.slice(0, 4)) - (today.slice(5) < born.slice(5) ? 1 : 0);
}

/** The day in China. */
export const today = () => new Date().toLocaleDateString("sv-SE", { timeZone: "Asia/Shanghai" });
