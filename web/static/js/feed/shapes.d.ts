/** Minor units of an ISO 4217 currency. */
export interface Money { amount: number; currency: string }

export interface Option { name: string; value: string; hex: string | null }

export interface Variant { id: string; label: string; options: Option[]; price: Money; stock: number }

export interface Product {
  id: string;
  title: string;
  brand: string;
  category: string;
  category_name: string;
  merchant: string;
  image: string | null;
  price: Money;
  stock: number;
  variants: Variant[];
}

/** Start and duration in seconds. */
export interface Segment {
  id: string;
  clip_id: string;
  product: { id: string; title: string; price: Money; stock: number } | null;
  role: string;
  start: number;
  duration: number;
  reason: string;
  propensity: number;
}

/** Why a video was chosen, as a sentence in the page's language; `at` is when the event happened that it names. */
export interface Why { code: string; text: string; at: string | null }

/** One place of the feed: `duration` in seconds; `key` is the place's, because a video may come again. */
export interface Video {
  key: string;
  id: string;
  mp4: string;
  poster: string | null;
  captions: string | null;
  /** What it speaks or shows in writing; null where nobody said. */
  language: string | null;
  duration: number;
  segments: Segment[];
  product: Product;
  why: Why[];
  liked: boolean;
  shared: boolean;
  promoted: boolean;
}

export interface Room { id: string; title: string; host: string; state: string; url: string }

/** What GET /v1/feed answers. */
export interface Page {
  videos: Video[];
  rooms: Room[];
  personalized: boolean;
  version: number;
  cursor: string | null;
}

/** An event in the shape of Segment's specification, as POST /v1/batch takes it. */
export interface Track {
  type: "track";
  messageId: string;
  event: string;
  timestamp: string;
  properties: Record<string, unknown>;
}

/** A file of a video: `progress` from 0 to 1, `file` its address once it is ready. */
export interface Export {
  id: string;
  video_id: string;
  form: "9:16" | "1:1" | "16:9";
  crossfades: boolean;
  captions: boolean;
  cards: boolean;
  state: "queued" | "rendering" | "ready" | "failed";
  progress: number;
  detail: string | null;
  bytes: number | null;
  file: string | null;
  expires_at: string | null;
}
