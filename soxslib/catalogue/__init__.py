"""What frames there are and what belongs together: scan, classify, plan. SQLAlchemy is used only here."""
