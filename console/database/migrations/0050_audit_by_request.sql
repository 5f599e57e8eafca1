-- An entry's bytes end with the id of its request: 32 digits, a quotation mark and a brace (docs/audit.md).
CREATE INDEX audit_by_request ON audit_entry (substr(content, octet_length(content) - 33, 32), seq);
