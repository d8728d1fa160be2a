/** The language of the page. */
export const locale: "de" | "en";
/** English sentence to sentence of the page's language. */
declare const catalogue: Record<string, string>;
export default catalogue;
