import {
  ActionIcon,
  Button,
  createTheme,
  type MantineColorsTuple,
  Modal,
  PasswordInput,
  Textarea,
  TextInput,
} from "@mantine/core";

const harbour: MantineColorsTuple = [
  "#e3f3f4",
  "#c7e5e8",
  "#93cdd3",
  "#5db2bb",
  "#3297a2",
  "#1c7f8b",
  "#0f6d78",
  "#0b6570",
  "#084f58",
  "#053a41",
];

/** Mantine's dark greys, in the slate of tokens.css: text, borders, inputs, body. */
const dark: MantineColorsTuple = [
  "#dbe4ec",
  "#c3cfda",
  "#98a8b7",
  "#7b8b9a",
  "#3d4d5c",
  "#26323e",
  "#1a242e",
  "#141c24",
  "#111820",
  "#0d1319",
];

/** Mantine, made dense and given the product's own colours (see tokens.css). */
export const theme = createTheme({
  colors: { harbour, dark },
  primaryColor: "harbour",
  primaryShade: { light: 7, dark: 5 },
  fontFamily: "var(--font-sans)",
  fontFamilyMonospace: "var(--font-mono)",
  defaultRadius: 5,
  cursorType: "pointer",
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "18px" },
  headings: { fontFamily: "var(--font-sans)", fontWeight: "600" },
  components: {
    Button: Button.extend({ defaultProps: { size: "xs" } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { size: 28, variant: "subtle", color: "gray" } }),
    TextInput: TextInput.extend({ defaultProps: { size: "xs" } }),
    PasswordInput: PasswordInput.extend({ defaultProps: { size: "xs" } }),
    Textarea: Textarea.extend({ defaultProps: { size: "xs" } }),
    Modal: Modal.extend({ defaultProps: { padding: "md", radius: 6, centered: true } }),
  },
});
