/** A word in both languages. */
export const both = (zh: string, en: string) => ({ zh, en });
