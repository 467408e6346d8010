// ECharts in React: one canvas that follows its box, with our fonts and colours.
import * as echarts from "echarts/core";
import { BarChart, CustomChart, LineChart, ScatterChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, LegendComponent, LegendScrollComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { FONT } from "../font";

echarts.use([BarChart, CustomChart, LineChart, ScatterChart, DataZoomComponent, MarkLineComponent, GridComponent, LegendComponent, LegendScrollComponent, TooltipComponent, CanvasRenderer]);

const COLOURS = ["#0f5257", "#d9822b", "#9e2b25", "#4f7cac", "#7a9e7e", "#8d6a9f", "#c2a83e", "#5c5c5c"];

interface Props {
  option: echarts.EChartsCoreOption;
  height?: number;
  label: string;
  /** Called with the data of a point that was clicked. */
  onPick?: (data: unknown) => void;
}

export function Chart({ option, height = 260, label, onPick }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<echarts.ECharts | null>(null);
  const pick = useRef(onPick);
  useEffect(() => { pick.current = onPick; });
  useEffect(() => {
    if (!box.current) return undefined;
    const made = echarts.init(box.current);
    chart.current = made;
    made.on("click", (event) => pick.current?.(event.data));
    const follow = new ResizeObserver(() => made.resize());
    follow.observe(box.current);
    return () => {
      follow.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);
  useEffect(() => {
    chart.current?.setOption(
      { color: COLOURS, textStyle: { fontFamily: FONT }, animation: false, grid: { left: 8, right: 16, top: "legend" in option ? 36 : 12, bottom: 8, containLabel: true }, ...option },
      true,
    );
  }, [option]);
  return <div ref={box} role="img" aria-label={label} style={{ width: "100%", height }} />;
}
