//! What a client asks by URL and headers: statement, settings, parameters, formats, encodings, credentials.

use axum::extract::Query;
use axum::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING};
use axum::http::{HeaderMap, Method, Uri};
use base64::Engine as _;

use crate::codec::{Encoding, Packing};
use crate::exception::{Exception, code};
use crate::multipart::Field;
use crate::sessions::Wanted;
use crate::users::{Account, Users};

/// Settings of one request, at most.
const SETTINGS_MAX: usize = 256;

/// A request, but for its body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// The `query` of the URL; the body follows it after a line end.
    pub(crate) query: Option<String>,
    /// The database to run in.
    pub(crate) database: Option<String>,
    /// The format of results whose statement names none.
    pub(crate) default_format: Option<String>,
    /// Values for `{name:Type}`.
    pub(crate) parameters: Vec<(String, String)>,
    /// Everything that ClickHouse would take for a setting.
    pub(crate) settings: Vec<(String, String)>,
    /// Tables that came with the request.
    pub(crate) tables: Vec<ExternalTable>,
    /// Who is to be counted for the work, within the user: one of many people behind one program.
    pub(crate) quota_key: Option<String>,
    /// What it says of its session.
    pub(crate) session: SessionParameters,
    /// The id the client chose.
    pub(crate) query_id: Option<String>,
    /// Whether the method is `GET` or `HEAD`, which must not change anything.
    pub(crate) reads_only: bool,
    /// Whether the answer may begin only when the statement has ended.
    pub(crate) waits_for_end: bool,
    /// `Content-Encoding` of the body.
    pub(crate) body_encoding: Encoding,
    /// `decompress=1`: within that, ClickHouse's frames.
    pub(crate) body_packing: Packing,
    /// `Content-Encoding` of the answer.
    pub(crate) reply_encoding: Encoding,
    /// `compress=1`: within that, ClickHouse's frames.
    pub(crate) reply_packing: Packing,
    /// Who asks.
    pub(crate) credentials: Credentials,
}

/// A table that came with the request, as a file of its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExternalTable {
    pub(crate) name: String,
    /// Columns with their types, as `CREATE TABLE` has them.
    pub(crate) structure: String,
    pub(crate) format: String,
    pub(crate) data: Vec<u8>,
}

/// The parameters of a session, as they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionParameters {
    id: Option<String>,
    timeout: Option<String>,
    must_exist: bool,
    closes: bool,
}

/// Who the client says it is.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    user: Option<String>,
    password: Option<String>,
}

/// Written by hand so that the password never reaches a log.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Finds who it is.
    pub(crate) fn check(&self, users: &Users) -> Result<Account, Exception> {
        users.check(self.user.as_deref(), self.password.as_deref())
    }
}

impl Request {
    /// Reads a request's line and headers.
    pub(crate) fn parse(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Self, Exception> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| refused(format_args!("The URL cannot be read: {error}.")))?;
        let mut request = Self {
            reads_only: method == Method::GET || method == Method::HEAD,
            ..Self::default()
        };
        request.credentials = credentials(headers)?;
        request.default_format = text(headers, "x-clickhouse-format");
        request.database = text(headers, "x-clickhouse-database");
        request.quota_key = text(headers, "x-clickhouse-quota");
        request.body_encoding = match headers.get(CONTENT_ENCODING) {
            Some(value) => Encoding::parse(value.to_str().unwrap_or_default())?,
            None => Encoding::Identity,
        };
        let mut compresses = true;
        for (name, value) in pairs {
            // A setting like any other for the engine, but obeyed here.
            if name == "enable_http_compression" {
                compresses = is_on(&value);
            }
            request.take(name, value)?;
        }
        let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        if let Some(accepted) = accepted.filter(|_| compresses) {
            request.reply_encoding = Encoding::choose(accepted);
        }
        Ok(request)
    }

    /// Adds the fields of a form, which mean what the URL's parameters mean, and the tables that came as files.
    ///
    /// # Errors
    /// Those of the parameters; 36 for a table whose columns are not said.
    pub(crate) fn take_form(&mut self, fields: Vec<Field>) -> Result<(), Exception> {
        let (files, texts): (Vec<Field>, Vec<Field>) = fields.into_iter().partition(|field| field.is_file);
        for field in texts {
            let value = String::from_utf8(field.value)
                .map_err(|_| refused(format_args!("A field of the form is not UTF-8.")))?;
            self.take(field.name, value)?;
        }
        for file in files {
            let table = self.external_table(file)?;
            self.tables.push(table);
        }
        Ok(())
    }

    /// `NAME_structure` or `NAME_types`, and `NAME_format`, say of what a file is.
    fn external_table(&mut self, file: Field) -> Result<ExternalTable, Exception> {
        let mut take = |suffix: &str| {
            let wanted = format!("{}_{suffix}", file.name);
            let at = self.settings.iter().position(|(name, _)| *name == wanted)?;
            Some(self.settings.swap_remove(at).1)
        };
        let (structure, types, format) = (take("structure"), take("types"), take("format"));
        let structure = match (structure, types) {
            (Some(structure), _) => structure,
            (None, Some(types)) => columns_of(&types),
            (None, None) => {
                return Err(refused(format_args!(
                    "Neither structure nor types have been provided for external table {0}. Use fields {0}_structure \
                     or {0}_types to do so.",
                    file.name
                )));
            }
        };
        Ok(ExternalTable {
            name: file.name,
            structure,
            format: format.unwrap_or_else(|| "TabSeparated".to_owned()),
            data: file.value,
        })
    }

    /// The session it is to run in, if any.
    ///
    /// # Errors
    /// Those of [`Wanted::parse`].
    pub(crate) fn session(&self) -> Result<Option<Wanted>, Exception> {
        let SessionParameters {
            id,
            timeout,
            must_exist,
            closes,
        } = &self.session;
        let Some(id) = id.as_ref().filter(|id| !id.is_empty()) else {
            return Ok(None);
        };
        Wanted::parse(id.clone(), timeout.as_deref(), *must_exist, *closes).map(Some)
    }

    fn take(&mut self, name: String, value: String) -> Result<(), Exception> {
        match name.as_str() {
            "query" => self.query = Some(value),
            "database" => self.database = Some(value),
            "default_format" => self.default_format = Some(value),
            "query_id" => self.query_id = Some(value),
            "user" => self.credentials.user = Some(value),
            "password" => self.credentials.password = Some(value),
            "compress" => self.reply_packing = Packing::from(is_on(&value)),
            "decompress" => self.body_packing = Packing::from(is_on(&value)),
            "wait_end_of_query" => self.waits_for_end = is_on(&value),
            "quota_key" => self.quota_key = Some(value),
            "session_id" => self.session.id = Some(value),
            "session_timeout" => self.session.timeout = Some(value),
            "session_check" => self.session.must_exist = is_on(&value),
            "close_session" => self.session.closes = is_on(&value),
            // What ClickHouse's handler knows and has no meaning here.
            "buffer_size" | "stacktrace" | "role" | "client_protocol_version" | "http_method" => {}
            _ => match name.strip_prefix("param_") {
                Some(parameter) => self.parameters.push((parameter.to_owned(), value)),
                None => self.take_setting(name, value)?,
            },
        }
        Ok(())
    }

    fn take_setting(&mut self, name: String, value: String) -> Result<(), Exception> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        if name.is_empty() || !name.bytes().all(plain) {
            let shown: String = name
                .chars()
                .filter(|letter| !letter.is_control())
                .take(64)
                .collect();
            return Err(Exception::new(
                code::UNKNOWN_SETTING,
                "UNKNOWN_SETTING",
                format_args!("Unknown setting '{shown}'."),
            ));
        }
        if self.settings.len() >= SETTINGS_MAX {
            return Err(refused(format_args!(
                "A request may set {SETTINGS_MAX} settings, not more."
            )));
        }
        self.settings.push((name, value));
        Ok(())
    }

    /// The value of a setting, if the client gave one.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.settings
            .iter()
            .rev()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }
}

fn refused(message: impl std::fmt::Display) -> Exception {
    Exception::new(36, "BAD_ARGUMENTS", message)
}

/// Names the columns of a list of types as ClickHouse does: `_1`, `_2`, … Commas within a type do not count.
fn columns_of(types: &str) -> String {
    let mut columns = Vec::new();
    let mut depth = 0_usize;
    let parts = types.split(|letter: char| {
        match letter {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    });
    for (index, part) in parts.enumerate() {
        columns.push(format!("_{} {}", index.saturating_add(1), part.trim()));
    }
    columns.join(", ")
}

fn is_on(value: &str) -> bool {
    matches!(value, "1" | "true")
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// ClickHouse's own headers, or Basic authentication; parameters of the URL override both.
fn credentials(headers: &HeaderMap) -> Result<Credentials, Exception> {
    let mut credentials = Credentials {
        user: text(headers, "x-clickhouse-user"),
        password: text(headers, "x-clickhouse-key"),
    };
    // The Play page says `never` so that no browser adds credentials of its own.
    let basic =
        text(headers, AUTHORIZATION.as_str()).filter(|value| value != "never" && credentials.user.is_none());
    let Some(basic) = basic else {
        return Ok(credentials);
    };
    let decoded = basic
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, token)| {
            base64::engine::general_purpose::STANDARD
                .decode(token.trim())
                .ok()
        })
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((user, password)) => {
            credentials.user = Some(user.to_owned());
            credentials.password = Some(password.to_owned());
            Ok(credentials)
        }
        None => Err(Exception::new(
            code::AUTHENTICATION_FAILED,
            "AUTHENTICATION_FAILED",
            "Invalid authentication: the Authorization header is not Basic with user and password.",
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(uri: &str, headers: &[(&'static str, &str)]) -> Result<Request, Exception> {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
            .collect();
        Request::parse(&Method::POST, &uri.parse().unwrap(), &headers)
    }

    #[test]
    fn parameters_of_the_url_are_sorted_out() {
        let request = parse(
            "/?query=SELECT%201&database=d&param_x=a%09b&max_threads=2&compress=1&decompress=0&query_id=q&wait_end_of_query=1",
            &[("x-clickhouse-format", "JSON"), ("accept-encoding", "gzip, deflate, lz4")],
        )
        .unwrap();
        assert_eq!(request.query.as_deref(), Some("SELECT 1"));
        assert_eq!(request.parameters, [("x".to_owned(), "a\tb".to_owned())]);
        assert_eq!(request.settings, [("max_threads".to_owned(), "2".to_owned())]);
        assert_eq!(request.setting("max_threads"), Some("2"));
        assert_eq!(request.default_format.as_deref(), Some("JSON"));
        assert_eq!(
            (request.reply_packing, request.body_packing),
            (Packing::Frames, Packing::None)
        );
        assert_eq!(request.reply_encoding, Encoding::Lz4);
        assert!(request.waits_for_end && !request.reads_only);
    }

    #[test]
    fn what_is_refused() {
        for (uri, code) in [("/?a%27b=1", 115), ("/?=1", 115)] {
            assert_eq!(parse(uri, &[]).unwrap_err().code, code, "{uri}");
        }
        assert_eq!(parse("/", &[("content-encoding", "br")]).unwrap_err().code, 89);
        let late = parse("/?session_id=x&session_timeout=9999", &[]).unwrap();
        assert_eq!(late.session().unwrap_err().code, 374);
        assert_eq!(
            parse("/", &[("authorization", "Bearer x")]).unwrap_err().code,
            516
        );
    }

    #[test]
    fn sessions_are_asked_for() {
        let request = parse(
            "/?session_id=x&session_timeout=5&session_check=1&close_session=1",
            &[],
        )
        .unwrap();
        let wanted = request.session().unwrap().unwrap();
        assert_eq!((wanted.id.as_str(), wanted.timeout.as_secs()), ("x", 5));
        assert!(wanted.must_exist && wanted.closes);
        assert_eq!(
            parse("/?session_id=&session_timeout=5", &[]).unwrap().session(),
            Ok(None)
        );
    }

    #[test]
    fn files_of_a_form_are_tables() {
        let file = |name: &str| Field {
            name: name.to_owned(),
            value: b"1\n".to_vec(),
            is_file: true,
        };
        let mut request = parse(
            "/?a_structure=x+UInt8&a_format=CSV&b_types=Map(String,UInt8),Date&max_threads=1",
            &[],
        )
        .unwrap();
        request.take_form(vec![file("a"), file("b")]).unwrap();
        let told: Vec<_> = request
            .tables
            .iter()
            .map(|table| (table.structure.as_str(), table.format.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("x UInt8", "CSV"),
                ("_1 Map(String,UInt8), _2 Date", "TabSeparated")
            ]
        );
        assert_eq!(request.settings, [("max_threads".to_owned(), "1".to_owned())]);
        assert_eq!(request.take_form(vec![file("c")]).unwrap_err().code, 36);
    }

    #[test]
    fn credentials_are_checked() {
        let basic = "Basic ZGVmYXVsdDpzZWNyZXQ=";
        for (uri, headers, password, allowed) in [
            ("/", vec![], None, true),
            ("/", vec![], Some("secret"), false),
            ("/?user=default&password=secret", vec![], Some("secret"), true),
            ("/?password=secre", vec![], Some("secret"), false),
            ("/?user=other&password=secret", vec![], Some("secret"), false),
            ("/?user=other", vec![], None, false),
            ("/", vec![("authorization", "never")], None, true),
            ("/", vec![("authorization", "never")], Some("secret"), false),
            ("/", vec![("authorization", basic)], Some("secret"), true),
            (
                "/",
                vec![("x-clickhouse-user", "default"), ("x-clickhouse-key", "secret")],
                Some("secret"),
                true,
            ),
        ] {
            let users = Users::one("default", password);
            let checked = parse(uri, &headers).unwrap().credentials.check(&users);
            assert_eq!(checked.is_ok(), allowed, "{uri} {headers:?}");
            assert!(checked.is_ok() || checked.unwrap_err().status().as_u16() == 403);
        }
    }
}
