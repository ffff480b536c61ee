// Made by propagate: builds a composition of the clip with a null that follows each tracked point, and a solid that is pinned to a tracked plane.
// Run it in After Effects with File > Scripts > Run Script File.
(function () {
	var project = /* PROJECT */ {};

	// Beside this script, or where the file was when the script was made.
	function footage(names) {
		var here = File($.fileName).parent.fsName;
		var file = new File(here + '/' + names.beside);
		if (!file.exists) {
			file = new File(names.absolute);
		}
		if (!file.exists) {
			throw new Error('The file ' + names.absolute + ' is not there; move it back, or edit this script.');
		}
		var options = new ImportOptions(file);
		options.sequence = names.isSequence;
		var item = app.project.importFile(options);
		if (names.isSequence) {
			item.mainSource.conformFrameRate = project.frameRate;
		}
		return item;
	}

	// Keys may be thousands: they are set in one call.
	function animate(property, track) {
		property.setValuesAtTimes(track.times, track.values);
		for (var key = 1; key <= property.numKeys; key++) {
			property.setInterpolationTypeAtKey(key, KeyframeInterpolationType.LINEAR);
		}
	}

	app.beginUndoGroup('Propagate: ' + project.title);
	try {
		if (!app.project) {
			app.newProject();
		}
		var comp = app.project.items.addComp(
			project.title,
			project.width,
			project.height,
			1,
			project.seconds,
			project.frameRate
		);
		comp.layers.add(footage(project.clip));
		if (project.isPlane) {
			var solid = comp.layers.addSolid([0.5, 0.5, 0.5], 'Plane', project.width, project.height, 1);
			var pin = solid.property('ADBE Effect Parade').addProperty('ADBE Corner Pin');
			// The effect's order: upper left, upper right, lower left, lower right.
			var order = [0, 1, 3, 2];
			for (var corner = 0; corner < 4; corner++) {
				animate(pin.property('ADBE Corner Pin-000' + (corner + 1)), project.tracks[order[corner]]);
			}
		}
		for (var i = 0; i < project.tracks.length; i++) {
			var track = project.tracks[i];
			var point = comp.layers.addNull(project.seconds);
			point.name = track.name;
			var position = point.property('ADBE Transform Group').property('ADBE Position');
			point.property('ADBE Transform Group').property('ADBE Anchor Point').setValue([0, 0]);
			animate(position, track);
			// Positions would be joined by curves. A tangent has as many values as a position, which differs by the version.
			var straight = [];
			while (straight.length < position.value.length) {
				straight.push(0);
			}
			for (var key = 1; key <= position.numKeys; key++) {
				position.setSpatialTangentsAtKey(key, straight, straight);
			}
		}
		comp.openInViewer();
	} finally {
		app.endUndoGroup();
	}
})();
