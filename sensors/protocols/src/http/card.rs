//! The card of HTTP/1.

use super::detect::may_be_of_another;
use super::flow::HttpFlow;
use super::odd;
use super::{looks_like_request, looks_like_response};
use vonggac_protocol::{Card, Side, Start, Transport, buffers};

/// The request line or the status line, and the headers.
pub(super) const HEAD: u8 = 0;
/// The body: all of it, or as much as rules read.
pub(super) const BODY: u8 = 1;
/// The end of the body: how large it is, and its digests.
pub(super) const END: u8 = 2;

/// HTTP/1 and HTTP/0.9 (RFC 9112).
pub static CARD: Card = Card {
    name: "http",
    aliases: &["http1"],
    transports: &[Transport::Tcp],
    stages: [&["head", "body", "end"], &["head", "body", "end"]],
    buffers: Buffer::CARDS,
    numbers: &[],
    keywords: &[],
    anomalies: odd::ALL,
    counters: &[
        "http_anomalies_suppressed",
        "http_transactions_limit",
        "http_form_files_limit",
        "body_decoded_limit",
        "body_damaged",
    ],
    probe,
    begin: |_| Box::<HttpFlow>::default(),
};

buffers! {
    /// The request method.
    Method: "http.method", Client, 0, Once, modifier = Some("http_method"), flag = Some('M'), is_commonplace = true;
    /// Path and query, decoded and normalised.
    Uri: "http.uri", Client, 0, Once, modifier = Some("http_uri"), flag = Some('U');
    /// Path and query as sent.
    UriRaw: "http.uri.raw", Client, 0, Once, modifier = Some("http_raw_uri"), flag = Some('I');
    /// The host in lower case, without user and port.
    Host: "http.host", Client, 0, Once, modifier = Some("http_host"), flag = Some('W');
    /// The host as sent.
    HostRaw: "http.host.raw", Client, 0, Once, modifier = Some("http_raw_host"), flag = Some('Z');
    /// The request line as sent.
    RequestLine: "http.request_line", Client, 0, Once, aliases = &["http_request_line"];
    /// One header of a request, `name: value`.
    RequestHeader: "http.request_header", Client, 0, Many;
    /// `User-Agent`.
    UserAgent: "http.user_agent", Client, 0, Once, modifier = Some("http_user_agent"), flag = Some('V');
    /// `Referer`.
    Referer: "http.referer", Client, 0, Once, aliases = &["http_referer"];
    /// `Accept`.
    Accept: "http.accept", Client, 0, Once, aliases = &["http_accept"];
    /// `Accept-Language`.
    AcceptLanguage: "http.accept_lang", Client, 0, Once, aliases = &["http_accept_lang"], is_commonplace = true;
    /// `Accept-Encoding`.
    AcceptEncoding: "http.accept_enc", Client, 0, Once, aliases = &["http_accept_enc"], is_commonplace = true;
    /// The status line as sent.
    ResponseLine: "http.response_line", Server, 0, Once, aliases = &["http_response_line"];
    /// One header of a response, `name: value`.
    ResponseHeader: "http.response_header", Server, 0, Many;
    /// The three digits of the status.
    StatusCode: "http.stat_code", Server, 0, Once, modifier = Some("http_stat_code"), flag = Some('S'), is_commonplace = true;
    /// The text after the status.
    StatusMessage: "http.stat_msg", Server, 0, Once, modifier = Some("http_stat_msg"), flag = Some('Y'), is_commonplace = true;
    /// `Server`.
    Server: "http.server", Server, 0, Once;
    /// `Location`.
    Location: "http.location", Server, 0, Once;
    /// The version of the first line, such as `HTTP/1.1`.
    Version: "http.protocol", Both, 0, Once, aliases = &["http_protocol"], is_commonplace = true;
    /// First line and headers as sent, with the empty line.
    Start: "http.start", Both, 0, Once, aliases = &["http_start"];
    /// All headers, normalised, each ended by CR LF, without cookies.
    Header: "http.header", Both, 0, Once, modifier = Some("http_header"), flag = Some('H');
    /// All headers as sent.
    HeaderRaw: "http.header.raw", Both, 0, Once, modifier = Some("http_raw_header"), flag = Some('D');
    /// CR LF, each header's name followed by CR LF, CR LF.
    HeaderNames: "http.header_names", Both, 0, Once, aliases = &["http_header_names"], is_commonplace = true;
    /// `Cookie` or `Set-Cookie`.
    Cookie: "http.cookie", Both, 0, Once, modifier = Some("http_cookie"), flag = Some('C');
    /// `Content-Type`.
    ContentType: "http.content_type", Both, 0, Once, aliases = &["http_content_type"];
    /// `Content-Length`.
    ContentLength: "http.content_len", Both, 0, Once, aliases = &["http_content_len"];
    /// `Connection`.
    Connection: "http.connection", Both, 0, Once, aliases = &["http_connection"], is_commonplace = true;
    /// The body of the request, decoded.
    RequestBody: "http.request_body", Client, 1, Once, modifier = Some("http_client_body"), flag = Some('P');
    /// The body of the response, decoded.
    ResponseBody: "http.response_body", Server, 1, Once, modifier = Some("http_server_body"), flag = Some('Q');
    /// What either side sends as a file.
    FileData: "file.data", Both, 1, Many, aliases = &["file_data"], mostly = &["http.request_body", "http.response_body"];
    /// The name of that file.
    FileName: "file.name", Both, 1, Many;
}

fn probe(start: &Start<'_>) -> Option<Side> {
    if looks_like_request(start.bytes) && !may_be_of_another(start.bytes) {
        Some(Side::Client)
    } else if looks_like_response(start.bytes) {
        Some(Side::Server)
    } else {
        None
    }
}
