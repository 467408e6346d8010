// The decision editor itself: GoRules' graph on our antd, in a chunk of its own with its engine's WebAssembly.
import { DecisionGraph, type DecisionGraphRef, type DecisionGraphType, JdmConfigProvider, type Simulation } from "@gorules/jdm-editor";
import "@gorules/jdm-editor/dist/style.css";
import startEngine from "@gorules/zen-engine-wasm";
import engine from "@gorules/zen-engine-wasm/dist/zen_engine_wasm_bg.wasm?url";
import { Spin } from "antd";
import { type Ref, use } from "react";
import { FONT } from "../font";
import { useSpeech } from "../i18n";
import { speakIn } from "./speak";

const started = startEngine({ module_or_path: engine });

interface Props {
  /** The graph to begin with; from then on the editor holds it, as an older one given back to it would undo what was typed since. */
  begin: DecisionGraphType;
  onChange: (value: DecisionGraphType) => void;
  disabled: boolean;
  simulate?: Simulation;
  ref?: Ref<DecisionGraphRef>;
}

export default function Canvas({ begin, onChange, disabled, simulate, ref }: Props) {
  const { language } = useSpeech();
  if (!use(started)) return <Spin />;
  speakIn(language); // before the editor is drawn; another language draws it anew
  return (
    <JdmConfigProvider key={language} theme={{ token: { colorPrimary: "#0f5257", fontFamily: FONT } }}>
      <div className="canvas">
        <DecisionGraph ref={ref} defaultValue={begin} onChange={onChange} disabled={disabled} simulate={simulate} />
      </div>
    </JdmConfigProvider>
  );
}

export type { DecisionGraphRef, DecisionGraphType, Simulation };
