//! Which class of events a rule's log source means.

use vonggac_event::Class;

#[derive(Debug, Clone, Default)]
pub(crate) struct Logsource {
    pub(crate) category: Option<String>,
    pub(crate) product: Option<String>,
    pub(crate) service: Option<String>,
}

impl Logsource {
    /// The class, or why there is none.
    pub(crate) fn class(&self) -> Result<Class, String> {
        let category = self.category.as_deref();
        let product = self.product.as_deref();
        let service = self.service.as_deref();
        let class = match (product, category, service) {
            // What a web server or a proxy logs is what the sensor reads off the wire, whoever made it.
            (_, Some("webserver" | "proxy"), _) => Some(Class::Http),
            (Some("zeek"), _, Some(service)) => zeek(service),
            (Some("suricata"), _, Some(service)) => suricata(service),
            (Some("vonggac"), _, Some(service)) => Class::from_name(service),
            (None, None, Some("netflow")) => Some(Class::Flow),
            (None | Some("zeek" | "suricata" | "vonggac"), Some(category), None) => by_category(category),
            _ => None,
        };
        class.ok_or_else(|| format!("no class of events covers the log source {self}"))
    }
}

impl std::fmt::Display for Logsource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("category", &self.category),
            ("product", &self.product),
            ("service", &self.service),
        ];
        let parts: Vec<_> = parts
            .iter()
            .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)))
            .collect();
        write!(out, "{}", parts.join(", "))
    }
}

fn by_category(category: &str) -> Option<Class> {
    match category {
        "dns" => Some(Class::Dns),
        "firewall" | "network_connection" | "netflow" => Some(Class::Flow),
        _ => Class::from_name(category),
    }
}

fn zeek(service: &str) -> Option<Class> {
    Some(match service {
        "conn" => Class::Flow,
        "dns" => Class::Dns,
        "http" => Class::Http,
        "ssl" | "x509" => Class::Tls,
        "files" => Class::File,
        _ => return None,
    })
}

fn suricata(service: &str) -> Option<Class> {
    Some(match service {
        "alert" => Class::Signature,
        "fileinfo" => Class::File,
        _ => return Class::from_name(service).filter(|class| !matches!(class, Class::Yara | Class::File)),
    })
}
