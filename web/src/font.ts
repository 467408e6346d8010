/** One family for text and pictures; whichever the reader's machine has, as nothing is loaded from elsewhere. */
export const FONT = '"Inter", "Noto Sans SC", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif';
