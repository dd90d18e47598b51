"""What a profile's manifest says of how its networks were made."""

import json

from export.graphs.from_checkpoints import built_from_checkpoints
from export.recipes import recipe_for
from trainer.networks.student import Student, StudentConfig
from trainer.training.checkpoint import described, save_whole


def test_the_runs_that_a_student_went_on_from_are_written_as_objects(tmp_path):
    """edge-train writes each start into the next one's metadata as text, one inside the other."""
    first = {"recipe": "first", "steps": "10"}
    second = {"recipe": "second", "settings": json.dumps({"student.batch": 4}), "init": json.dumps(first)}
    network = Student(StudentConfig((8, 8, 8), (1, 1, 1)))
    about = {**described("student", network.config), "recipe": "third", "init": json.dumps(second)}
    save_whole(network.state_dict(), tmp_path / "student.safetensors", about)
    found = built_from_checkpoints(recipe_for("live", None)[1], tmp_path / "student.safetensors", None).training
    assert found == {"recipe": "third", "init": {**second, "settings": {"student.batch": 4}, "init": first}}
