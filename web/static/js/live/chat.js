import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/live/icon.js";
import { OVER } from "vitrine/live/store.js";
import { tell } from "vitrine/tell.js";

/** @typedef {import("vitrine/live/store.js").Store} Store */
/** @typedef {(message: object) => boolean} Send */

const LONGEST_LINE = 500;
const LONGEST_NAME = 24;
const NEAR_END_PIXELS = 48;

/** What people say; follows the newest line unless somebody reads back. @param {{store: Store}} props */
export function ChatLog({ store }) {
  const log = useRef(/** @type {HTMLElement | null} */ (null));
  const follows = useRef(true);
  const [unread, setUnread] = useState(0);
  const seen = useRef(0);
  const lines = store.lines.value;
  const toEnd = () => {
    if (log.current) log.current.scrollTop = log.current.scrollHeight;
  };
  const newest = lines.at(-1)?.id;
  useEffect(() => {
    if (follows.current || lines.at(-1)?.mine) toEnd();
    else setUnread((count) => count + Math.max(1, lines.length - seen.current));
    seen.current = lines.length;
  }, [newest]);
  const onScroll = () => {
    const element = /** @type {HTMLElement} */ (log.current);
    follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PIXELS;
    if (follows.current) setUnread(0);
  };
  return html`<div class="talk">
    <div class="talk-log" ref=${log} role="log" aria-live="polite" aria-label=${t("Chat")} tabindex="0" onScroll=${onScroll}>
      ${lines.length === 0 && html`<p class="talk-empty">${t("Nobody has written yet. Say hello!")}</p>`}
      ${lines.map(
        (line) => html`<p key=${line.id} class=${`line ${line.host ? "line-host" : ""} ${line.mine ? "line-mine" : ""}`}>
          <b>${line.name}</b>${line.host && html` <span class="host-badge">${t("Host")}</span>`} <span class="line-text">${line.text}</span>
        </p>`,
      )}
    </div>
    ${unread > 0 && html`<button class="unread" onClick=${() => (toEnd(), setUnread(0))}>${icon("arrow-down")} ${t("{count} new", { count: unread })}</button>`}
  </div>`;
}

/**
 * The field; a guest is asked for a name before the first message.
 * @param {{store: Store, send: Send, placeholder?: string}} props
 */
export function Composer({ store, send, placeholder }) {
  const [text, setText] = useState("");
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState("");
  const wait = useWait(store);
  const nameField = useRef(/** @type {HTMLInputElement | null} */ (null));
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const sent = useRef("");
  const [notice, setNotice] = useState("");
  const refused = store.refused.value;
  useEffect(() => {
    if (refused.again === 0) return;
    // What was refused is not lost.
    setText((now) => now || sent.current);
    setNotice(refused.sentence);
    if (!store.name.value) setNaming(true);
  }, [refused.again]);
  useEffect(() => {
    if (naming) nameField.current?.focus();
  }, [naming]);
  const say = () => {
    const asks = naming || !store.name.value;
    const chosen = asks ? name.trim() : store.name.value;
    if (!text.trim() || wait > 0) return;
    if (!chosen) return setNaming(true);
    const guest = store.me.guest || !store.me.name;
    if (!send(guest ? { type: "chat", text: text.trim(), name: chosen } : { type: "chat", text: text.trim() })) {
      setNotice(t("No connection. Check the network and try again."));
      return;
    }
    store.name.value = chosen;
    const pinned = store.pinned.value;
    if (pinned && text.includes("?")) tell("Question Asked", { product_id: pinned.id, room_id: store.room.id });
    setNotice("");
    setNaming(false);
    sent.current = text;
    setText("");
    field.current?.focus();
  };
  const onSubmit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    say();
  };
  const over = OVER.has(store.state.value);
  const said = wait > 0 ? t("The next message can be sent in {seconds} s.", { seconds: wait }) : notice || store.full.value;
  return html`<form class="composer" onSubmit=${onSubmit}>
    <p class="composer-notice" role="status">${said}</p>
    ${naming &&
    html`<p class="composer-name">
      <label for="chat-name">${t("Your name in the chat")}</label>
      <input id="chat-name" class="input" ref=${nameField} maxlength=${LONGEST_NAME} autocomplete="nickname" value=${name}
        onInput=${(/** @type {any} */ event) => setName(event.currentTarget.value)} />
    </p>`}
    <p class="composer-row">
      <label class="visually-hidden" for="chat-text">${t("Message")}</label>
      <input id="chat-text" class="input" ref=${field} maxlength=${LONGEST_LINE} autocomplete="off" enterkeyhint="send" disabled=${over}
        placeholder=${over ? t("The chat is closed") : (placeholder ?? t("Say something …"))} value=${text}
        onInput=${(/** @type {any} */ event) => setText(event.currentTarget.value)} />
      <button class="stage-button composer-send" aria-label=${t("Send")} disabled=${over || !text.trim() || wait > 0}>${icon("send")}</button>
    </p>
  </form>`;
}

/** Whole seconds until the next message is taken. @param {Store} store */
function useWait(store) {
  const [left, setLeft] = useState(0);
  const until = store.waitUntil.value;
  useEffect(() => {
    const look = () => setLeft(Math.max(0, Math.ceil((until - performance.now()) / 1000)));
    look();
    if (until <= performance.now()) return;
    const timer = setInterval(look, 250);
    return () => clearInterval(timer);
  }, [until]);
  return left;
}
