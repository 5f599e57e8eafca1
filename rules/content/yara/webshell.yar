/*
 * Vọng Gác: web shells in files carried by traffic.
 *
 * `mitre_technique_id` in the meta section names the ATT&CK technique, as it does in signatures.
 */

rule vonggac_range_webshell
{
    meta:
        description = "The range's harmless web shell, by its marker"
        author = "Vọng Gác"
        date = "2026-11-21"
        severity = "high"
        mitre_technique_id = "T1105"
    strings:
        $marker = "vonggac-range-webshell"
    condition:
        filesize < 1MB and $marker
}

rule vonggac_php_webshell
{
    meta:
        description = "PHP that runs what a request brings"
        author = "Vọng Gác"
        date = "2026-11-21"
        severity = "critical"
        mitre_technique_id = "T1505.003"
    strings:
        $open = "<?php" nocase
        $run = /\b(system|shell_exec|passthru|popen|proc_open|exec)\s{0,4}\(/ nocase
        $eval = /\beval\s{0,4}\(\s{0,4}(base64_decode|gzinflate|str_rot13)\s{0,4}\(/ nocase
        $input = /\$_(REQUEST|GET|POST|COOKIE)\s{0,4}\[\s{0,4}['"](cmd|c|command|exec|z0|pass)['"]/ nocase
    condition:
        filesize < 1MB and $open and $input and ($run or $eval)
}
