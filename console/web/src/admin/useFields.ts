import { useState } from "react";
import type { ApiFailure } from "../api/client";

/** What a field of text takes: its value, what was wrong with it, and how it changes. */
export interface Field {
  size: "xs";
  value: string;
  error: string | undefined;
  onChange: (event: { currentTarget: { value: string } }) => void;
}

interface Fields<Form> {
  form: Form;
  set: (changes: Partial<Form>) => void;
  /** The field of that name, with what the last try said of it. */
  field: (name: keyof Form & string, failure: ApiFailure | null) => Field;
}

/** The texts of a form. */
export function useFields<Form extends Record<string, string>>(first: Form): Fields<Form> {
  const [form, setForm] = useState(first);
  const set = (changes: Partial<Form>) => setForm((now) => ({ ...now, ...changes }));
  return {
    form,
    set,
    field: (name, failure) => ({
      size: "xs",
      value: form[name] ?? "",
      error: failure?.field === name ? failure.message : undefined,
      onChange: (event) => set({ [name]: event.currentTarget.value } as Partial<Form>),
    }),
  };
}
