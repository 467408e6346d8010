// Intervals in a chart: a line from the low to the high end, with a cap at either side.

type At = { value: (n: number) => number; coord: (point: number[]) => number[] };

/** `renderItem` of a custom series of `[place, low, high]`. */
export function whisker(_: unknown, at: At) {
  const [x = 0, low = 0] = at.coord([at.value(0), at.value(1)]);
  const [, high = 0] = at.coord([at.value(0), at.value(2)]);
  const line = (x1: number, y1: number, x2: number, y2: number) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: "#d9822b", lineWidth: 2 } });
  return { type: "group", children: [line(x, low, x, high), line(x - 5, low, x + 5, low), line(x - 5, high, x + 5, high)] };
}
