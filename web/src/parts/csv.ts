// A bank's CSV file as text and cells; used where statements and bank flows are brought in.

/** A file as text: UTF-8, or else GB 18030. */
export async function textOf(file: File): Promise<string> {
  const bytes = await file.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("gb18030").decode(bytes);
  }
}

/** The cells of each line that is not empty; quotes may hold commas and line breaks. Undefined when a quote is not closed. */
export function cellsOf(text: string): string[][] | undefined {
  const source = text.replace(/^\uFEFF/, "");
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const endCell = () => { row.push(cell.trim()); cell = ""; };
  const endRow = () => { endCell(); if (row.some(Boolean)) rows.push(row); row = []; };
  for (let n = 0; n < source.length; n += 1) {
    const letter = source[n]!;
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (source[n + 1] === '"') { cell += '"'; n += 1; }
      else quoted = false;
    } else if (letter === '"' && cell.trim() === "") { quoted = true; cell = ""; }
    else if (letter === ",") endCell();
    else if (letter === "\n") endRow();
    else if (letter !== "\r") cell += letter;
  }
  if (quoted) return undefined;
  endRow();
  return rows;
}

/** For each field the header's word that is known for it, in order of preference. */
export function guessColumns<Field extends string>(header: string[], known: Record<Field, string[]>): Partial<Record<Field, string>> {
  const found: Partial<Record<Field, string>> = {};
  for (const field of Object.keys(known) as Field[]) {
    const name = known[field].map((word) => header.find((cell) => cell.toLowerCase() === word)).find(Boolean);
    if (name) found[field] = name;
  }
  return found;
}
