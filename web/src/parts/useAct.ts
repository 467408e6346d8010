// A write: its failure is told as a sentence, its success is followed by fresh figures everywhere.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App } from "antd";
import { useExplain } from "./explain";

/** Like useMutation; `done` may say what happened, `refused` that it told the failure in its place. Every query is asked again afterwards. */
export function useAct<Input, Answer>(act: (input: Input) => Promise<Answer>, done?: (answer: Answer) => void, refused?: (error: unknown) => boolean) {
  const { message } = App.useApp();
  const explain = useExplain();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (answer) => {
      done?.(answer);
      return queries.invalidateQueries();
    },
    onError: (error) => { if (!refused?.(error)) message.error(explain(error), 6); },
  });
}
