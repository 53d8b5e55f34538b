use clap::CommandFactory as _;

use super::*;

#[test]
fn the_commands_are_well_formed_and_each_shows_an_example() {
    let command = Cli::command();
    command.clone().debug_assert();
    for sub in command.get_subcommands() {
        let help = sub
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let example = format!("Example: causeway-agent {}", sub.get_name());
        assert!(help.starts_with(&example), "{}: {help}", sub.get_name());
    }
}

#[test]
fn options_stand_before_or_after_the_command() {
    let cli = Cli::try_parse_from(["causeway-agent", "sync", "--json", "--config", "a.toml"]);
    assert!(cli.unwrap().json);
    let cli = Cli::try_parse_from(["causeway-agent", "--log-format", "json", "run"]).unwrap();
    assert_eq!(cli.log_format, LogFormat::Json);
    assert!(Cli::try_parse_from(["causeway-agent", "--log-format", "xml", "run"]).is_err());
}
