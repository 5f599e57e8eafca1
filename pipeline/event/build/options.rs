//! The options of `options.proto`, read from messages and fields.

use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, MessageDescriptor, ReflectMessage,
    Value,
};

use crate::Fault;

/// The two options, found in the schema.
pub(crate) struct Options {
    column: ExtensionDescriptor,
    class: ExtensionDescriptor,
}

impl Options {
    pub(crate) fn of(pool: &DescriptorPool) -> Result<Self, Fault> {
        let extension = |name: &str| {
            pool.get_extension_by_name(name)
                .ok_or_else(|| Fault::from(format!("no option {name}")))
        };
        Ok(Self {
            column: extension("vonggac.v1.col")?,
            class: extension("vonggac.v1.class")?,
        })
    }

    /// What is said of a field as a column; each field of a class must say something.
    pub(crate) fn column(&self, field: &FieldDescriptor) -> Result<Said, Fault> {
        said(&field.options(), &self.column)
            .ok_or_else(|| Fault::from(format!("{} has no option (col)", field.full_name())))
    }

    /// What is said of a message as a class.
    pub(crate) fn class(&self, message: &MessageDescriptor) -> Result<Said, Fault> {
        said(&message.options(), &self.class)
            .ok_or_else(|| Fault::from(format!("{} has no option (class)", message.full_name())))
    }

    /// Whether a field's values are ids or addresses, which have one length.
    pub(crate) fn is_fixed(&self, field: &FieldDescriptor) -> bool {
        said(&field.options(), &self.column)
            .is_some_and(|said| matches!(said.word("kind").as_str(), "ID" | "ADDRESS"))
    }
}

fn said(options: &DynamicMessage, extension: &ExtensionDescriptor) -> Option<Said> {
    if !options.has_extension(extension) {
        return None;
    }
    options.get_extension(extension).as_message().cloned().map(Said)
}

/// An option's value; what it does not say is empty.
pub(crate) struct Said(DynamicMessage);

impl Said {
    pub(crate) fn text(&self, name: &str) -> String {
        self.0
            .get_field_by_name(name)
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    pub(crate) fn number(&self, name: &str) -> u32 {
        self.0
            .get_field_by_name(name)
            .and_then(|value| value.as_u32())
            .unwrap_or(0)
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.0
            .get_field_by_name(name)
            .and_then(|value| value.as_bool())
            .unwrap_or(false)
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let item = |value: &Value| value.as_str().map(str::to_owned);
        self.list(name).iter().filter_map(item).collect()
    }

    pub(crate) fn parts(&self, name: &str) -> Vec<Said> {
        let item = |value: &Value| value.as_message().cloned().map(Said);
        self.list(name).iter().filter_map(item).collect()
    }

    pub(crate) fn part(&self, name: &str) -> Option<Said> {
        self.0.get_field_by_name(name)?.as_message().cloned().map(Said)
    }

    /// The name of an enum's value; empty for none.
    pub(crate) fn word(&self, name: &str) -> String {
        let Some(field) = self.0.descriptor().get_field_by_name(name) else {
            return String::new();
        };
        let number = self.0.get_field(&field).as_enum_number().unwrap_or(0);
        let kind = field.kind();
        let value = kind.as_enum().and_then(|kinds| kinds.get_value(number));
        match value {
            Some(value) if number != 0 => value.name().to_owned(),
            _ => String::new(),
        }
    }

    fn list(&self, name: &str) -> Vec<Value> {
        self.0
            .get_field_by_name(name)
            .and_then(|value| value.as_list().map(<[Value]>::to_vec))
            .unwrap_or_default()
    }
}
